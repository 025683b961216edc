// Package bus is the broker of a service of ours, whichever engine it is: topics to publish to, and
// subscriptions to receive from.
//
//	b, err := bus.Open(ctx, bus.Config{Broker: settings.Broker, Name: "incidentd"})
//	err = b.Setup(ctx, topics)
//	source, err := b.Source("incident-events", "incident-events--channel-create")
//	err = b.Publish(ctx, "incident-events", m)
//
//	engine            a topic is       a subscription is
//	embedded, NATS    a stream         a durable consumer of it
//	Cloud Pub/Sub     a topic          a subscription, with a prefix to its name
//
// A stream of JetStream keeps a message for the consumers that it has, so all of a service's processes
// set up all of it before they publish or receive; Setup may run anywhere, any number of times.
//
// The embedded broker is another process: Open waits until it is there.
package bus
