package workflow

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/theriac/theriac/handlers"
	"github.com/theriac/theriac/incident"
	"github.com/theriac/theriac/incident/incidenttest"
)

// deaf is a store that hears no sign of life.
type deaf struct{ incident.Stores }

func (deaf) Renew(ctx context.Context, _ string, _ int, _ time.Duration) error {
	<-ctx.Done()
	return ctx.Err()
}

// keeping are handlers' means in a bubble of synctest, whose time is the store's, too.
func keeping(t *testing.T, wrap func(incident.Stores) incident.Stores) Deps {
	t.Helper()
	svc, err := incident.NewService(incident.Config{Stores: wrap(incidenttest.NewStore(incidenttest.Options{Now: time.Now}))})
	if err != nil {
		t.Fatal(err)
	}
	return Deps{Service: svc}.withDefaults()
}

func lasting(d time.Duration) effect {
	return effect{key: "k", incident: "i", event: "e", silent: true, do: func(ctx context.Context) (incident.EffectEnd, error) {
		select {
		case <-time.After(d):
			return incident.EffectEnd{ExternalID: "done"}, nil
		case <-ctx.Done():
			return incident.EffectEnd{}, context.Cause(ctx)
		}
	}}
}

// TestKeep_WhoeverIsAtItKeepsIt: an effect that takes its time is nobody else's meanwhile.
func TestKeep_WhoeverIsAtItKeepsIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := keeping(t, func(s incident.Stores) incident.Stores { return s })
		var first sync.WaitGroup
		first.Go(func() {
			if err := d.run(t.Context(), lasting(8*leaseTime)); err != nil {
				t.Error(err)
			}
		})
		synctest.Wait()
		for range 7 {
			<-time.After(leaseTime)
			var wait *handlers.AnswerError
			if err := d.run(t.Context(), lasting(0)); !errors.As(err, &wait) || wait.Class != handlers.ClassAgain || wait.Delay > leaseTime {
				t.Fatalf("somebody else's try was answered %v", err)
			}
		}
		first.Wait()
		row, err := d.stores().Effect(t.Context(), "k")
		if err != nil || row.State != incident.EffectDone || row.Attempt != 1 {
			t.Errorf("%+v %v", row, err)
		}
	})
}

// TestKeep_WhoeverCannotSaySoStops: an owner whose signs of life do not arrive stops in time, and what it
// did is in doubt.
func TestKeep_WhoeverCannotSaySoStops(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := keeping(t, func(s incident.Stores) incident.Stores { return deaf{s} })
		began := time.Now()
		var wait *handlers.AnswerError
		if err := d.run(t.Context(), lasting(time.Minute)); !errors.As(err, &wait) || wait.Class != handlers.ClassAgain {
			t.Fatalf("answered %v", err)
		}
		if took := time.Since(began); took >= leaseTime {
			t.Errorf("stopped after %s, when another one may be at it", took)
		}
		row, err := d.stores().Effect(t.Context(), "k")
		if err != nil || row.State != incident.EffectWaiting || !row.InDoubt {
			t.Errorf("%+v %v", row, err)
		}
	})
}

// TestKeep_ADeadOwnerIsWaitedForShortly: the next one takes over when the lease is out, and looks first.
func TestKeep_ADeadOwnerIsWaitedForShortly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := keeping(t, func(s incident.Stores) incident.Stores { return s })
		if _, err := d.stores().Claim(t.Context(), incident.Claim{Key: "k", IncidentID: "i", Lease: leaseTime}); err != nil {
			t.Fatal(err)
		}
		<-time.After(leaseTime)
		looked := false
		e := lasting(0)
		e.probe = func(context.Context) (incident.EffectEnd, bool, error) {
			looked = true
			return incident.EffectEnd{ExternalID: "found"}, true, nil
		}
		if err := d.run(t.Context(), e); err != nil || !looked {
			t.Errorf("answered %v, looked: %v", err, looked)
		}
	})
}

// distant is a store whose answers to a claim take their time.
type distant struct {
	incident.Stores
	delay time.Duration
}

func (s distant) Claim(ctx context.Context, c incident.Claim) (incident.ClaimResult, error) {
	r, err := s.Stores.Claim(ctx, c)
	<-time.After(s.delay)
	return r, err
}

// TestKeep_WhoeverHearsLateLooksAgain: when the answer to a claim arrives, the claim may be out, and somebody
// else may have done it.
func TestKeep_WhoeverHearsLateLooksAgain(t *testing.T) {
	t.Parallel()
	for _, delay := range []time.Duration{leaseTime / 4, leaseTime / 2, leaseTime + time.Second} {
		synctest.Test(t, func(t *testing.T) {
			d := keeping(t, func(s incident.Stores) incident.Stores { return s })
			far := d
			svc, err := incident.NewService(incident.Config{Stores: distant{d.stores(), delay}})
			if err != nil {
				t.Fatal(err)
			}
			far.Service = svc
			done := 0
			e := effect{key: "k", incident: "i", event: "e", silent: true, do: func(context.Context) (incident.EffectEnd, error) {
				done++
				return incident.EffectEnd{}, nil
			}}
			var first sync.WaitGroup
			var answer error
			first.Go(func() { answer = far.run(t.Context(), e) })
			synctest.Wait()
			<-time.After(leaseTime)
			if err := d.run(t.Context(), e); err != nil {
				t.Error(err)
			}
			first.Wait()
			if late := delay > leaseTime; done != 1 || (answer != nil) != late {
				t.Errorf("after %s: done %d times, answered %v", delay, done, answer)
			}
		})
	}
}
