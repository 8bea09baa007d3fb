"""Captures for processes without privileges: a privileged broker attaches the program and passes its maps on."""
