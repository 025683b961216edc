// Package config turns flags, the environment and context files into settings. It is the only
// place that knows the names of environment variables.
//
// For each setting the first of these that names it wins:
//
//  1. the command's flag
//  2. the context: NAME.env, chosen by --context or THERIAC_CONTEXT
//  3. the environment
//  4. the default, which for store and broker is the data directory's own
//
// A context stands before the environment so that nobody who typed --context=staging works on
// production because of a variable that was exported in the morning.
//
// Values may be secrets: no error of this package shows one, and addresses print without their
// passwords.
package config
