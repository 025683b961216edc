package drill

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"cloud.google.com/go/pubsub/v2"
	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"

	"github.com/theriac/theriac/cmd/internal/config"
	"github.com/theriac/theriac/cmd/internal/drill/replica"
	"github.com/theriac/theriac/consumer/gcppubsub"
	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/internal/fakepubsub"
	"github.com/theriac/theriac/internal/problem"
)

// brokerPatience is how long the broker may take to make a topic and its subscription.
const brokerPatience = 10 * time.Second

// pubsubEngine is Pub/Sub, each row with a topic of its own, and PostgreSQL, each row with a database
// of its own.
type pubsubEngine struct {
	project   string
	plaintext string             // host:port of a test server, "" for Google's
	fake      *fakepubsub.Server // nil where the broker is not ours
	client    *gcppubsub.Client
	databases *databases
	closers   lifo
	prefix    string
	rows      int
}

func (o *options) openPubSub(ctx context.Context, given config.Settings) (_ engine, err error) {
	e := &pubsubEngine{prefix: fmt.Sprintf("theriac-drill-%x", o.seed)}
	defer func() {
		if err != nil {
			err = errors.Join(err, e.close())
		}
	}()
	if err := e.chooseBroker(o, given); err != nil {
		return nil, err
	}
	if e.client, err = gcppubsub.Connect(ctx, gcppubsub.ConnectConfig{Project: e.project, Plaintext: e.plaintext}); err != nil {
		return nil, problem.Errorf(problem.Unavailable, "%w", err)
	}
	e.closers.add(e.client.Close)
	url := ""
	if o.storeGiven {
		if given.Store.Kind != config.Postgres {
			return nil, problem.Errorf(problem.Invalid, "--engine %s needs --store postgres://USER@HOST/DB, or none for a private PostgreSQL", enginePubSub)
		}
		url = given.Store.Address
	}
	if e.databases, err = openDatabases(ctx, url, strings.ReplaceAll(e.prefix, "-", "_")); err != nil {
		return nil, err
	}
	e.closers.add(e.databases.close)
	return e, nil
}

// chooseBroker takes the project that is named, or the emulator of the environment, or a server of
// our own.
func (e *pubsubEngine) chooseBroker(o *options, given config.Settings) (err error) {
	e.project = "drill"
	for _, pair := range o.environ {
		if at, ok := strings.CutPrefix(pair, "PUBSUB_EMULATOR_HOST="); ok {
			e.plaintext = at
		}
	}
	if o.brokerGiven {
		if given.Broker.Kind != config.PubSub {
			return problem.Errorf(problem.Invalid, "--engine %s needs --broker pubsub://PROJECT, or none for a server of the drill's own", enginePubSub)
		}
		e.project = given.Broker.Address
		return nil
	}
	if e.plaintext != "" {
		return nil
	}
	if e.fake, err = fakepubsub.Start(fakepubsub.Config{}); err != nil {
		return problem.Errorf(problem.Unavailable, "start a Pub/Sub server: %w", err)
	}
	e.closers.add(func() error { e.fake.Close(); return nil })
	e.plaintext = e.fake.Addr()
	return nil
}

func (e *pubsubEngine) close() error { return e.closers.close() }

func (e *pubsubEngine) stage(ctx context.Context, _ string, _ int) (_ stage, err error) {
	e.rows++
	s := &pubsubStage{engine: e, name: fmt.Sprintf("%s-%d", e.prefix, e.rows)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	asking, cancel := context.WithTimeout(ctx, brokerPatience)
	defer cancel()
	if err := gcppubsub.Setup(asking, e.client, gcppubsub.SetupConfig{Topic: s.name, Subscription: s.name}); err != nil {
		return nil, problem.Errorf(problem.Unavailable, "prepare Pub/Sub project %s: %w", e.project, err)
	}
	s.closers.add(s.forget)
	if s.publisher, err = gcppubsub.NewPublisher(e.client, gcppubsub.PublisherConfig{Topic: s.name}); err != nil {
		return nil, err
	}
	s.closers.add(func() error { s.publisher.Close(); return nil })
	database, drop, err := e.databases.fresh(ctx)
	if err != nil {
		return nil, err
	}
	s.database = database
	s.closers.add(drop)
	return s, nil
}

type pubsubStage struct {
	engine    *pubsubEngine
	name      string
	publisher *gcppubsub.Publisher
	database  string
	closers   lifo
}

func (s *pubsubStage) broker() replica.Broker {
	return replica.Broker{Project: s.engine.project, Plaintext: s.engine.plaintext, Subscription: s.name}
}

func (s *pubsubStage) store() string { return s.database }

func (s *pubsubStage) publish(ctx context.Context, m handlers.Message) (string, error) {
	return s.publisher.Publish(ctx, m)
}

// settled asks our own server; others do not tell.
func (s *pubsubStage) settled(context.Context) (bool, error) {
	if s.engine.fake == nil {
		return true, nil
	}
	stats, ok := s.engine.fake.Stats(s.full("subscriptions"))
	return ok && stats.Unacked == 0, nil
}

func (s *pubsubStage) full(kind string) string {
	return "projects/" + s.engine.project + "/" + kind + "/" + s.name
}

// forget removes the topic and the subscription of the row from a broker that goes on living.
func (s *pubsubStage) forget() error {
	if s.engine.fake != nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), brokerPatience)
	defer cancel()
	client, err := pubsub.NewClient(ctx, s.engine.project)
	if err != nil {
		return fmt.Errorf("remove the drill's topic %s: %w", s.name, err)
	}
	return errors.Join(
		client.SubscriptionAdminClient.DeleteSubscription(ctx, &pubsubpb.DeleteSubscriptionRequest{Subscription: s.full("subscriptions")}),
		client.TopicAdminClient.DeleteTopic(ctx, &pubsubpb.DeleteTopicRequest{Topic: s.full("topics")}),
		client.Close())
}

func (s *pubsubStage) close() error { return s.closers.close() }
