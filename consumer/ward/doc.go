// Package ward runs messages alone that may have killed their process, and tells
// the quarantine of deaths.
//
// It has two sides. In the worker, [Open] makes the [Ward] that consumers are
// given as their Config.Guard:
//
//	w, err := ward.Open(role, ward.Config{Docket: service})
//	c, err := consumer.New(source, sub, consumer.Config{Guard: w, Quarantine: service})
//	err = consumer.RunBeside(ctx, consumer.Beside{
//		Run: []func(context.Context) error{service.Run, w.Run}, Ready: service.Ready(), Began: role.Ready,
//	}, c)
//
// In the ward, the guardian calls the program's function with Role.Ward set; it
// builds its subscriptions and handlers, and nothing else, and serves:
//
//	if role.Ward {
//		return ward.Serve(ctx, role, ward.ServeConfig{}, subs...)
//	}
package ward
