package around

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/iomapcheck/iomapcheck/harness/target/vm"
	"github.com/iomapcheck/iomapcheck/harness/wire"
	"github.com/iomapcheck/iomapcheck/harness/xfstests/around/inguest"
)

// prepareLimit bounds mkfs in the guest, and half of what the machine gets for being ready.
const prepareLimit = 5 * time.Minute

// stationOf is a machine that is ready for the column's tests: everything mounted, TEST made, no test run yet.
func stationOf(column Column, plain bool, watch func(string)) *vm.Station {
	order := inguest.Prepare{
		Modules: modules(column.FSType), FSType: column.FSType, Mkfs: column.mkfs(inguest.TestDev), Config: column.Config(), Limit: prepareLimit, Plain: plain,
	}
	key, err := json.Marshal(order)
	if err != nil {
		panic(fmt.Sprintf("encode %+v: %v", order, err)) // strings, numbers and booleans
	}
	return &vm.Station{Key: string(key), Reach: func(ctx context.Context, command io.ReadWriteCloser) error {
		watch("preparing the guest for " + column.Name)
		return prepare(ctx, command, order)
	}}
}

// prepare has the guest make itself ready. The error is *UnsupportedError where the column cannot be tested.
func prepare(ctx context.Context, command io.ReadWriteCloser, order inguest.Prepare) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 2*prepareLimit, fmt.Errorf("it did not answer within %v", 2*prepareLimit))
	defer cancel()
	stop := context.AfterFunc(ctx, func() { command.Close() })
	prepared, err := converse(command, order)
	switch {
	case !stop(): // also where the answer came in that moment: the command's input is closed
		return fmt.Errorf("prepare the guest: %w", context.Cause(ctx))
	case err != nil:
		return fmt.Errorf("prepare the guest: %w", err)
	case prepared.Unsupported != "":
		return &UnsupportedError{prepared.Unsupported}
	case prepared.Error != "":
		return errors.New("prepare the guest: " + prepared.Error)
	}
	return nil
}

// converse gives the order and returns the answer.
func converse(command io.ReadWriter, order inguest.Prepare) (inguest.Prepared, error) {
	conn := wire.NewConn(command)
	if err := conn.Send(inguest.Order{Prepare: &order}); err != nil {
		return inguest.Prepared{}, err
	}
	for {
		var r inguest.Report
		if err := conn.Receive(&r); err != nil {
			return inguest.Prepared{}, err
		}
		if r.Prepared != nil {
			return *r.Prepared, nil
		}
	}
}
