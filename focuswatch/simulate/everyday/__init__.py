"""The organization's everyday bill, which sets off nothing."""
