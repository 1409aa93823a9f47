"""The organisation's everyday bill, which sets off nothing."""
