"""The one table of how often anybody may do something; README explains it to operators."""

from __future__ import annotations

# So many uses in a second, minute, hour or day (s, m, h, d), or in several (30/10m); counted in
# credentials/limits.py. Whole offices share an address, so a URL gets less than an address.
RATES = {
    "page_views": "600/m",  # an address looks at passholders' pages and fetches files
    "page_views_of_url": "120/m",
    "page_polls": "6000/m",  # the open pages of an address ask whether anything has changed
    "page_polls_of_url": "120/m",
    "claims": "120/m",  # an address asks for passes
    "claims_of_url": "20/m",
    "failed_lookups": "60/m",  # an address tries URLs that do not exist
    "minted_urls": "600/m",  # an account has redemption URLs made over the API, whatever keys it uses
    "api": "600/m",  # an API key, or an address without a valid one
    "logins": "60/10m",  # an address tries to log in to the admin
    "logins_of_user_at_address": "10/10m",  # an address tries to log in under one name
    "logins_of_user": "100/10m",  # anybody tries to: it takes ten addresses to shut somebody out
    "apple_logs": "60/m",  # an address sends device logs, which Apple does not authenticate
    "apple_updates": "1200/m",  # an address asks what has changed, which Apple does not authenticate either
    "apple_updates_of_device": "60/m",
    "apple_failures": "120/m",  # an address shows authentication tokens that open nothing
    "google_callbacks": "6000/m",  # an address sends messages for one issuer; Google's are few and busy
    "mails": "10000/d",  # an account asks for mails; this and the next are counted in the database
    "mails_to_person": "5/d",
}
