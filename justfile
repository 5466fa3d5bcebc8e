# Each recipe calls cargo or a script in ci/; nothing here is needed to build, run or test.

# List the recipes.
default:
    @just --list

# Run a scenario (or a folder of them): just run scenarios/5p3c.yaml
run *ARGS="scenarios/5p3c.yaml":
    cargo run --release -- run {{ARGS}}

# All tests.
test:
    ci/test.sh

# Format, lints, docs and the systemd unit, as CI checks them.
check:
    ci/fmt.sh
    ci/lint.sh
    ci/docs.sh
    ci/unit.sh

# Run every scenario against its golden file, then review what differs.
golden:
    cargo run --release -- run scenarios || true
    cargo run --release -- review

# Measure; prints the table of docs/benchmarks.md.
bench:
    ci/bench.sh

# Measure the store in MySQL beside the database itself.
bench-mysql *ARGS:
    ci/bench-mysql.sh {{ARGS}}

# Three brokers on a cluster of three databases, with nodes lost: just cluster 20 runs each row so often.
cluster *ARGS:
    ci/cluster.sh {{ARGS}}

# Try every broker whose server can be installed; just brokers redis for those with that name.
brokers *ARGS:
    ci/brokers.sh {{ARGS}}

# The tests of TLS; needs a C compiler.
tls:
    ci/tls.sh

# The HTML report in a real browser.
browser *ARGS:
    ci/browser.sh {{ARGS}}

# Make the pictures of docs/images anew, or every page at each width into a folder: just screenshots out/pages
screenshots *FOLDER:
    ci/screenshots.sh {{FOLDER}}

# Compare two builds on a scenario, in turn: just compare old/harness target/release/harness scenarios/5p3c.yaml
compare *ARGS:
    ci/compare.sh {{ARGS}}

# Fuzz the checks for as long as so many cases take, from another seed each time.
fuzz CASES="200000":
    ci/fuzz.sh {{CASES}}

# Run 5p3c and together many times in a row.
soak TIMES="200":
    ci/soak.sh {{TIMES}}

# Make the archive of a release for this machine, or for a target: just release aarch64-unknown-linux-gnu
release *TARGET:
    ci/release.sh {{TARGET}}

# Everything that CI runs.
ci:
    .ci/run
