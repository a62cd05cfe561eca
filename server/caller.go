package server

import (
	"net/http"
	"net/netip"
	"strings"
)

// caller returns the address that a request comes from: the peer's or, where
// that is a trusted proxy, the right-most address of X-Forwarded-For that is
// none. What stands further to the left anybody could have written.
func (m *mounted) caller(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	addr := peer.Addr().Unmap()
	if len(m.TrustedProxies) == 0 {
		return addr
	}
	hops := strings.Join(r.Header.Values("X-Forwarded-For"), ",")
	for m.trusts(addr) && hops != "" {
		i := strings.LastIndexByte(hops, ',')
		next, err := parseHop(hops[i+1:])
		if err != nil {
			return addr
		}
		addr, hops = next, hops[:max(i, 0)]
	}
	return addr
}

func (m *mounted) trusts(a netip.Addr) bool {
	for _, p := range m.TrustedProxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// parseHop reads an address, which some proxies write with a port.
func parseHop(text string) (netip.Addr, error) {
	text = strings.TrimSpace(text)
	if a, err := netip.ParseAddrPort(text); err == nil {
		return a.Addr().WithZone("").Unmap(), nil
	}
	a, err := netip.ParseAddr(strings.Trim(text, "[]"))
	return a.WithZone("").Unmap(), err
}
