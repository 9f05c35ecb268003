package acme

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"strings"

	"github.com/mholt/acmez/v3/acme"

	"github.com/e0ac7cd4/hotpath/metrics"
)

// causeOf is why an order has failed.
func causeOf(err error) metrics.ACMEOutcome {
	var problem acme.Problem
	var hook *hookError
	var path *fs.PathError
	var network net.Error
	switch {
	case errors.As(err, &hook):
		return metrics.ACMEHook
	case errors.As(err, &problem):
		return causeOfProblem(problem)
	case errors.As(err, &path):
		return metrics.ACMEFiles
	case errors.As(err, &network), errors.Is(err, context.DeadlineExceeded), errors.Is(err, errLongAnswer):
		return metrics.ACMEUnreachable
	}
	return metrics.ACMEOther
}

// causeOfProblem is what an authority says (RFC 8555 §6.7). What it says of an
// authorization is about the proof that the name is ours.
func causeOfProblem(p acme.Problem) metrics.ACMEOutcome {
	_, ofProof := p.Resource.(acme.Authorization)
	switch strings.TrimPrefix(p.Type, acme.ProblemTypeNamespace) {
	case "rateLimited":
		return metrics.ACMELimited
	case "rejectedIdentifier", "unsupportedIdentifier", "caa", "badCSR":
		return metrics.ACMERefused
	case "connection", "dns", "incorrectResponse", "tls":
		return metrics.ACMEUnproven
	case "accountDoesNotExist", "externalAccountRequired", "userActionRequired", "invalidContact", "unsupportedContact":
		return metrics.ACMEAccount
	case "unauthorized":
		if ofProof {
			return metrics.ACMEUnproven
		}
		return metrics.ACMEAccount
	}
	switch {
	case ofProof:
		return metrics.ACMEUnproven
	case p.Status >= 500:
		return metrics.ACMEUnreachable
	}
	return metrics.ACMEOther
}
