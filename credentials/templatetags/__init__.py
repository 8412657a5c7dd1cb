"""What templates of pages and mails may ask for."""
