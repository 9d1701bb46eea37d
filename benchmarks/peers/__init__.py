"""The servers that Pavilion is compared with. Both are written here, as plainly as their own tutorials are."""
