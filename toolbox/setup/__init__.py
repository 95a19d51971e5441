"""What this machine and its networks can do: the doctor; adding, checking and exporting networks."""
