"""Google Wallet: issuers, classes and objects, save links and callbacks."""
