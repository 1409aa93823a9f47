"""The handlers of the Lambda functions, one per module, and the code that they share. The logic is in focuswatch/."""
