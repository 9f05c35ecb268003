package remotewrite

import (
	"testing"

	"github.com/e0ac7cd4/hotpath/internal/testkit"
)

func TestMain(m *testing.M) { testkit.Run(m, "/loadgen/remotewrite.") }
