"""The handlers of the Lambda functions, one per file; each is a few lines that call focuswatch/."""
