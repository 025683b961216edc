package natsjs_test

import (
	"testing"
	"time"

	"github.com/theriac/theriac/consumer/consumertest"
	"github.com/theriac/theriac/consumer/natsjs"
	"github.com/theriac/theriac/consumer/natsjs/embedded"
	"github.com/theriac/theriac/handlers"
)

// BenchmarkPublish shows what it costs that nothing is lost when the power
// fails: messages of 1 KiB, one after the other and with many on their way.
func BenchmarkPublish(b *testing.B) {
	m := handlers.Message{Data: make([]byte, 1024), Attributes: map[string]string{"kind": "alert"}}
	for name, every := range map[string]time.Duration{"SyncedAlways": 0, "SyncedEachMinute": time.Minute} {
		broker, err := embedded.Start(b.Context(), embedded.Config{Dir: b.TempDir(), SyncEvery: every})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = broker.Close() })
		sub := subscribe(b, broker.Endpoint(), consumertest.SubscriptionOptions{})
		b.Run(name+"/OneByOne", func(b *testing.B) {
			for b.Loop() {
				if _, err := sub.publisher.Publish(b.Context(), m); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/ManyOnTheirWay", func(b *testing.B) {
			var last *natsjs.Sent
			for b.Loop() {
				if last, err = sub.publisher.Send(b.Context(), m); err != nil {
					b.Fatal(err)
				}
			}
			if _, err := last.Wait(b.Context()); err != nil {
				b.Fatal(err)
			}
		})
	}
}
