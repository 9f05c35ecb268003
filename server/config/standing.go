package config

import (
	"crypto/x509"
	"fmt"
	"time"
)

// Standing is where a moment lies in a certificate's life.
type Standing uint8

const (
	Valid     Standing = iota
	EndsSoon           // it should have been renewed
	EndsNow            // there is hardly time left to
	Expired            // no client accepts it
	NotBefore          // no client accepts it yet
)

// When the end of a certificate is near. Clients of ACME renew when a third of
// the life is left: 30 of 90 days, so that 14 are left after two weeks in which
// that failed. Of a shorter life it is the part that 14 and 3 days are of 84.
const (
	endsSoon, soonPart = 14 * 24 * time.Hour, 6
	endsNow, nowPart   = 3 * 24 * time.Hour, 28
)

// StandingOf says where now lies in the life of a certificate.
func StandingOf(leaf *x509.Certificate, now time.Time) Standing {
	life, left := leaf.NotAfter.Sub(leaf.NotBefore), leaf.NotAfter.Sub(now)
	switch {
	case left < 0:
		return Expired
	case now.Before(leaf.NotBefore):
		return NotBefore
	case left < min(endsNow, life/nowPart):
		return EndsNow
	case left < min(endsSoon, life/soonPart):
		return EndsSoon
	}
	return Valid
}

// Warning says, in one line, what an operator has to know of a certificate; "" if
// there is nothing. A server may be started before its certificate begins, and
// with an old one it is of more use than without any.
func (s Standing) Warning(leaf *x509.Certificate) string {
	begin, end := leaf.NotBefore.UTC().Format(time.RFC3339), leaf.NotAfter.UTC().Format(time.RFC3339)
	switch s {
	case EndsSoon:
		return fmt.Sprintf("the certificate ends soon, and was not renewed: it is valid until %s", end)
	case EndsNow:
		return fmt.Sprintf("the certificate is about to end: it is valid until %s", end)
	case Expired:
		return fmt.Sprintf("the certificate has expired: it was valid until %s", end)
	case NotBefore:
		return fmt.Sprintf("the certificate is not valid yet: it begins at %s", begin)
	}
	return ""
}
