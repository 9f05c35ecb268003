package proxy

import (
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

// TestMain fails the package if a goroutine of the proxy outlives the tests.
func TestMain(m *testing.M) { testkit.Run(m, "hotpath/server/") }
