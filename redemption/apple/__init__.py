"""Apple Wallet: certificates, pass files, web service and push."""
