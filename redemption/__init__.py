"""The way from a bearer URL into a wallet."""
