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
//
// # The order of things after a death
//
//	guardian  crash record on disk ─► next worker
//	Open      reads the records of its role, and of roles that run no handlers if it is the first
//	consumer  takes over the suspects before it pulls (Suspects), counts the named death, and has
//	          each run alone from its copy, or when it is delivered again
//	Run       meanwhile reports the death to the docket and to Config.OnCrash
//	consumer  settles each suspect: done, cleared, or held
//	Run       removes the record, once it was told and all of its suspects are settled
//
// # What happens on failure
//
//	the worker dies meanwhile        the record is still there, and the next worker begins again;
//	                                 nothing is counted twice
//	no ward can be started           suspects wait, are not acknowledged and convict nobody
//	a ward answers what makes no     an error: nothing is concluded, and the message runs again
//	sense
//	the docket cannot be told        told again each second; the record stays
//	a record is damaged              what can be believed is used; without its metadata it is left
//	                                 where it is, and nobody is charged with it
//	there is no guardian             no wards: consumers run everything in their own process
//
// Records of subscriptions that nobody serves any more stay until the guardian
// trims its folder.
package ward
