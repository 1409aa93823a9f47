"""What AWS calls: one handler a file, each a few lines over focuswatch/."""
