"""Tools that build packages of the project: wheels, a Debian package, the manual page and shell completions."""
