package config

import (
	"crypto/tls"
	"errors"
	"io"
	"strings"

	"github.com/e0ac7cd4/hotpath/internal/ech"
)

const wantECHKeys = "a PEM file with 1 to 4 keys of X25519, each before its ECHCONFIG (hotpath ech NAME makes one)"

// ReadECHKeys reads a file of keys for Encrypted Client Hello: see [ech.Parse].
func ReadECHKeys(name string) ([]tls.EncryptedClientHelloKey, error) {
	text, err := ReadRegular(name)
	if err != nil {
		return nil, errors.New(fileProblem(err))
	}
	return ech.Parse(text)
}

// ECH is the subcommand ech: it writes a key for Encrypted Client Hello to stdout.
// It returns the exit status: 0, 1 if that could not be done, or 2 if the name is
// wrong.
func ECH(args []string, stdout, stderr io.Writer) int {
	if len(args) != 1 || strings.HasPrefix(args[0], "-") {
		WriteError(stderr, &Error{"argument", "ech", strings.Join(args, " "), "is not one public name", "hotpath ech NAME"})
		return 2
	}
	text, err := ech.Make(args[0])
	if err != nil {
		WriteError(stderr, &Error{"argument", "public name", args[0], err.Error(), "a name such as public.example.com, for which there is a certificate"})
		return 2
	}
	if _, err := stdout.Write(text); err != nil {
		return 1
	}
	return 0
}
