package notify_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/theriac/theriac/internal/notify"
)

// A receiver of webhooks reads a bounded body, verifies the bytes as they came, and drops repeats.
func ExampleVerify() {
	secrets := []string{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
	taken := map[string]bool{}
	receive := func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 300<<10))
		if err != nil {
			return
		}
		// A real one passes time.Now().
		if err := notify.Verify(secrets, r.Header, body, time.Unix(1614265335, 0)); errors.Is(err, notify.ErrNotVerified) {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if id := r.Header.Get(notify.HeaderID); !taken[id] {
			taken[id] = true
			fmt.Printf("told: %s\n", body)
		}
		w.WriteHeader(http.StatusNoContent)
	}

	for _, signature := range []string{
		"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", // as published with the format
		"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", // again
		"v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", // forged
	} {
		request := httptest.NewRequest(http.MethodPost, "/hooks", strings.NewReader(`{"test": 2432232314}`))
		request.Header.Set("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek")
		request.Header.Set("webhook-timestamp", "1614265330")
		request.Header.Set("webhook-signature", signature)
		answer := httptest.NewRecorder()
		receive(answer, request)
		fmt.Println(answer.Code)
	}
	// Output:
	// told: {"test": 2432232314}
	// 204
	// 204
	// 401
}
