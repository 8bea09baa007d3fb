"""What makes packages of the project: wheels, a Debian package, the manual page and the shells' completions."""
