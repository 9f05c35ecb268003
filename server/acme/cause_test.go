package acme

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"testing"

	"github.com/mholt/acmez/v3/acme"

	"github.com/e0ac7cd4/hotpath/metrics"
)

// TestCause: each failure has one cause, however deep it is wrapped.
func TestCause(t *testing.T) {
	problem := func(kind string, status int, resource any) error {
		return acme.Problem{Type: acme.ProblemTypeNamespace + kind, Status: status, Resource: resource}
	}
	for _, tt := range []struct {
		err  error
		want metrics.ACMEOutcome
	}{
		{problem("rateLimited", 429, nil), metrics.ACMELimited},
		{problem("rejectedIdentifier", 400, nil), metrics.ACMERefused},
		{problem("caa", 403, acme.Authorization{}), metrics.ACMERefused},
		{problem("connection", 400, acme.Authorization{}), metrics.ACMEUnproven},
		{problem("unauthorized", 403, acme.Authorization{}), metrics.ACMEUnproven},
		{problem("unauthorized", 403, nil), metrics.ACMEAccount},
		{problem("externalAccountRequired", 403, nil), metrics.ACMEAccount},
		{problem("serverInternal", 500, nil), metrics.ACMEUnreachable},
		{problem("malformed", 400, nil), metrics.ACMEOther},
		{&hookError{"add", "", context.DeadlineExceeded}, metrics.ACMEHook},
		{&fs.PathError{Op: "open", Path: "x", Err: fs.ErrPermission}, metrics.ACMEFiles},
		{&net.OpError{Op: "dial", Err: errors.New("refused")}, metrics.ACMEUnreachable},
		{context.DeadlineExceeded, metrics.ACMEUnreachable},
		{errLongAnswer, metrics.ACMEUnreachable},
		{errors.New("else"), metrics.ACMEOther},
	} {
		if got := causeOf(fmt.Errorf("ordering: %w", tt.err)); got != tt.want {
			t.Errorf("%v: %v, want %v", tt.err, got, tt.want)
		}
	}
}
