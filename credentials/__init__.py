"""The ground: accounts, people, credential types, credentials and their lifecycle."""
