"""Read every input before anything is sent: names, references, problems."""
