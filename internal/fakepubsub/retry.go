package fakepubsub

import (
	"strconv"
	"time"

	"cloud.google.com/go/pubsub/v2/apiv1/pubsubpb"
	"google.golang.org/protobuf/proto"
)

// The documented bounds of a retry policy that leaves them out.
const (
	defaultMinBackoff = 10 * time.Second
	defaultMaxBackoff = 600 * time.Second
)

// defaultMaxDeliveryAttempts is that of a dead letter policy that leaves it out.
const defaultMaxDeliveryAttempts = 5

// backoff is the wait after the given number of failures: the minimum doubled
// each time, up to the maximum, with up to a quarter of jitter by u in [0, 1)
// that never leaves the bounds. Without a policy there is no wait.
func backoff(p *pubsubpb.RetryPolicy, failures int, u float64) time.Duration {
	if p == nil {
		return 0
	}
	low, high := defaultMinBackoff, defaultMaxBackoff
	if p.MinimumBackoff != nil {
		low = p.MinimumBackoff.AsDuration()
	}
	if p.MaximumBackoff != nil {
		high = max(low, p.MaximumBackoff.AsDuration())
	}
	wait := low
	for i := 1; i < failures && wait < high; i++ {
		wait *= 2
	}
	wait = min(wait, high)
	jitter := time.Duration(u * float64(wait) / 4)
	if wait+jitter > high {
		return max(low, wait-jitter)
	}
	return wait + jitter
}

// deadLetter is a message on its way to a dead letter topic. Whoever holds it
// forwards it once.
type deadLetter struct {
	topic *topic
	sub   string
	item  *item
}

// bury takes a message that has used up its delivery attempts out of the
// subscription. It reports false where there is no policy, attempts are left or
// the topic does not exist: then the message is delivered again.
func (s *subscription) bury(it *item) bool {
	p := s.cfg.DeadLetterPolicy
	if p == nil {
		return false
	}
	limit := int(p.MaxDeliveryAttempts)
	if limit == 0 {
		limit = defaultMaxDeliveryAttempts
	}
	if it.failures < limit {
		return false
	}
	t := s.srv.topic(p.DeadLetterTopic)
	if t == nil {
		return false
	}
	s.unacked--
	s.stats.DeadLettered++
	s.dead = append(s.dead, deadLetter{topic: t, sub: s.name, item: it})
	return true
}

// forward publishes a copy with the documented attributes of its source.
func (d deadLetter) forward() {
	m := proto.CloneOf(d.item.pb)
	if m.Attributes == nil {
		m.Attributes = make(map[string]string)
	}
	const prefix = "CloudPubSubDeadLetterSource"
	m.Attributes[prefix+"DeliveryCount"] = strconv.Itoa(d.item.failures)
	m.Attributes[prefix+"Subscription"] = shortName(d.sub)
	m.Attributes[prefix+"SubscriptionProject"] = projectOf(d.sub)
	m.Attributes[prefix+"TopicPublishTime"] = m.PublishTime.AsTime().Format(time.RFC3339Nano)
	d.topic.publish([]*pubsubpb.PubsubMessage{m})
}
