// Package audit owns the event: what is known of one request, from the moment
// it arrives to the line that is logged of it and the row that is kept. A change
// of a key is one as well, which no request brings about.
//
// The HTTP layer begins an event and ends it; whoever learns something of the
// request on the way writes it into the event that the context carries. The
// fields are fixed, so no secret has a place to stand in.
package audit
