package main

import (
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/wire"
)

// TestTLSBuffers: log and metric say which way TLS records are read, and both
// ways serve.
func TestTLSBuffers(t *testing.T) {
	auto, direct := "TLS buffers: records are put into them directly", 1.0
	if wire.TLSBuffers() != nil { // built with a newer Go
		auto, direct = "TLS buffers: crypto/tls reads records itself, with more garbage and memory", 0
	}
	for _, tt := range []struct {
		setting, says string
		direct        float64
	}{
		{"auto", auto, direct},
		{"off", "TLS buffers: crypto/tls reads records itself", 0},
	} {
		t.Run(tt.setting, func(t *testing.T) {
			p := start(t, "-tls-buffers", tt.setting)
			if _, ok := p.logged(tt.says); !ok {
				t.Errorf("the log does not say %q", tt.says)
			}
			if got := p.metrics()["hotpath_tls_buffers_direct"]; got != tt.direct {
				t.Errorf("hotpath_tls_buffers_direct is %v, want %v", got, tt.direct)
			}
			for _, protocol := range protocols {
				r, err := p.client(protocol).Get(p.url + "/")
				if err != nil {
					t.Fatal(err)
				}
				r.Body.Close()
			}
		})
	}
}
