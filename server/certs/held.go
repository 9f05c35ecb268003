package certs

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"reflect"
)

// MaxHeld is how much memory the certificates of a client may take, which its
// connection keeps to its end, by held, which counts too much: 12 KiB for one with
// an RSA key of 4,096 bits, of which the 16 KiB that a client may send have room for
// eight. Those 16 KiB can take 1.2 MiB: 8,000 empty URIs in a certificate that
// no authority has signed, beside the one that is asked for.
const MaxHeld = 128 << 10

var errHeld = errors.New("the client's certificates take too much memory")

// admitHeld is a tls.Config's VerifyConnection, for sessions that are resumed too.
func admitHeld(state tls.ConnectionState) error {
	if held(state.PeerCertificates) > MaxHeld {
		return errHeld
	}
	return nil
}

// held is how much memory certificates take at most. It stops above MaxHeld.
func held(certificates []*x509.Certificate) int {
	var s sizer
	s.add(reflect.ValueOf(certificates))
	return int(s)
}

// sizer adds up what values refer to. What two of them share counts twice, so the
// sum is never too small.
type sizer int

// rounding is what the allocator may add to something small.
const rounding = 16

func (s *sizer) add(v reflect.Value) {
	if *s > MaxHeld {
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			*s += sizer(v.Elem().Type().Size()) + rounding
			s.add(v.Elem())
		}
	case reflect.String:
		*s += sizer(v.Len()) + rounding
	case reflect.Slice:
		element := v.Type().Elem()
		if element.Kind() == reflect.Uint8 { // its capacity is all that came behind it
			*s += sizer(v.Len()) + rounding
			return
		}
		*s += sizer(v.Cap()*int(element.Size())) + rounding
		for i := range v.Len() {
			s.add(v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			s.add(v.Field(i))
		}
	}
}
