package main

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

func newVerifyCommand() *cobra.Command {
	c := &cobra.Command{Use: "verify", Short: "Look at the services that verify tokens"}
	c.AddCommand(newVerifyDoctorCommand())
	return c
}

func newVerifyDoctorCommand() *cobra.Command {
	var listen, issuer, audience string
	var wait time.Duration
	c := &cobra.Command{
		Use:   "doctor URL",
		Short: "Find out whether a service survives a rotation of keys",
		Long: "Run an issuer of its own, whose keys rotate in seconds, and call the service at\n" +
			"URL with its tokens: point a test instance of the service at that issuer. It\n" +
			"tells whether the service survives a rotation, an emergency and an outage, what\n" +
			"it accepts and should not, and what to change. It takes about 20 s and touches\n" +
			"neither configuration nor storage.",
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			l, err := net.Listen("tcp", listen)
			if err != nil {
				return hint(err, "choose another address with --listen")
			}
			d, err := newDoctor(c.Context(), args[0], cmp.Or(issuer, "http://"+l.Addr().String()), audience)
			if err != nil {
				return err
			}
			server := &http.Server{Handler: d.handler(), ReadHeaderTimeout: 5 * time.Second}
			go server.Serve(l)
			defer server.Close()
			return runDoctor(c, d, wait)
		},
	}
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:8090", "`ADDR` of the doctor's issuer")
	c.Flags().StringVar(&issuer, "issuer", "", "`URL` by which the service reaches it (default http://ADDR)")
	c.Flags().StringVar(&audience, "audience", "", "what the service wants as aud")
	c.Flags().DurationVar(&wait, "wait", time.Minute, "how long to wait for the service")
	must(c.MarkFlagRequired("audience"))
	return c
}

func runDoctor(c *cobra.Command, d *doctor, wait time.Duration) error {
	out := c.OutOrStdout()
	fmt.Fprintf(out, "issuer    %s\naudience  %s\n\nwaiting for %s to accept a token of this issuer\n\n", d.issuer, d.audience, d.service)
	if err := d.await(c.Context(), wait); err != nil {
		return hint(err, "point the service at the issuer above; it answers with anything but 401, 403 and 5xx where it accepts a token")
	}
	failed := 0
	for _, check := range doctorChecks {
		problem, err := check.run(c.Context(), d)
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", check.name, err)
		case problem == "":
			fmt.Fprintf(out, "ok    %s\n", check.name)
		case check.serious:
			failed++
			fmt.Fprintf(out, "FAIL  %s: %s\n      %s\n", check.name, problem, check.advice)
		default:
			fmt.Fprintf(out, "warn  %s: %s\n      %s\n", check.name, problem, check.advice)
		}
	}
	if failed > 0 {
		return fmt.Errorf("the service fails %d checks", failed)
	}
	_, err := fmt.Fprintln(out, "\nthe service survives a rotation of keys")
	return err
}

// sleepFor waits unless ctx ends.
func sleepFor(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
