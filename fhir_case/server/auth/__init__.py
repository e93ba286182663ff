"""Who asks: basic, bearer, OAuth2, SMART Backend Services."""
