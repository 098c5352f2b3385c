"""Protocol engines without sockets: bytes in, frozen events out. They never read a clock, a file or a database."""
