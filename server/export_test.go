package server

import "net"

// Listen is what a Server does with its listener.
func Listen(l net.Listener) net.Listener { return listener{l} }
