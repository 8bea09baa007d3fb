"""Captures for processes without the rights: a broker that has them attaches, and passes the maps on."""
