# What the parts of script/test share. Each part sources this first.
# shellcheck shell=bash
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1

PART=$(basename "$0")
OUT=build/test/$PART
TEST_RESULTS=${TEST_RESULTS:-/dev/stderr}
mkdir -p "$OUT"

report() { # report PASSED FAILED SKIPPED
    echo "$PART $1 $2 $3" >>"$TEST_RESULTS"
}

# tracked PATTERN...: files of the project, also those not added yet.
tracked() {
    git ls-files --cached --others --exclude-standard --deduplicate -- "$@"
}
export -f tracked

# check NAME COMMAND...: one test that is a command; its output is shown where it fails.
check() {
    local name=$1 log
    shift
    log=$OUT/${name//[^a-zA-Z0-9._-]/_}.log
    if timeout -k 10 900 "$@" >"$log" 2>&1; then
        echo "ok      $name"
        report 1 0 0
    else
        echo "FAILED  $name"
        tail -n 60 "$log"
        report 0 1 0
        return 1
    fi
}

# build PRESET [option of cmake...]: the part ends here where it does not build.
build() {
    local preset=$1 log=$OUT/build-$1.log
    shift
    echo "building $preset"
    if ! { cmake --preset "$preset" "$@" && cmake --build --preset "$preset"; } >"$log" 2>&1; then
        grep -B 1 -A 8 -E 'FAILED:|error:|CMake Error' "$log" | head -n 60
        echo "FAILED  the build of $preset; see $log"
        report 0 1 0
        exit 1
    fi
}

# run_node NAME FILE...: node's test runner over the files; NAME picks one file, or tests by their name.
run_node() {
    local name=$1 tap=$OUT/results.tap file
    local -a options=() files=()
    shift
    for file in "$@"; do
        [ ! -f "$file" ] || files+=("$file")
    done
    for file in "${files[@]}"; do
        case $file in */"$name".test.js) files=("$file") name="" && break ;; esac
    done
    [ -z "$name" ] || options+=("--test-name-pattern=$name")
    rm -f "$tap"
    if [ ${#files[@]} -eq 0 ]; then
        echo "FAILED  $PART has no test file"
        report 0 1 0
        return 1
    fi
    # One test that hangs must not take the others along (Node 18 of Debian 12 has no such option).
    ! node --help | grep -q -e --test-timeout || options+=("--test-timeout=${NODE_TEST_TIMEOUT:-300000}")
    timeout -k 10 "${NODE_SECONDS:-900}" node --test \
        "--test-concurrency=${NODE_CONCURRENCY:-2}" "${options[@]}" \
        --test-reporter=spec --test-reporter-destination=stdout \
        --test-reporter=tap --test-reporter-destination="$tap" "${files[@]}"
    report_tap "$tap" $? "$name"
}

# The closing counts of node's TAP, or of a runner that was stopped, its lines so far. A cancelled test
# has failed; none at all, or a runner that ended badly with no failed test, is a failure of its own.
# What does not have the NAME that was asked for is not counted as skipped (Node 20 does).
report_tap() { # report_tap FILE STATUS [NAME]
    local passed failed skipped
    read -r passed failed skipped < <(awk '
        /^ *ok / { lines++ }
        /^# pass [0-9]+$/ { p = $3; closed = 1 }
        /^# (fail|cancelled) [0-9]+$/ { f += $3 }
        /^# (skipped|todo) [0-9]+$/ { s += $3 }
        /# SKIP test name does not match pattern$/ { s-- }
        END { print closed ? p : lines + 0, f + 0, (s > 0 ? s : 0) }' "$1" 2>/dev/null || echo 0 0 0)
    if [ "$failed$passed" = 00 ] && [ "$2" -eq 0 ]; then
        if [ -n "${3-}" ]; then
            echo "FAILED  $PART: no test has \"$3\" in its name"
        else
            echo "FAILED  $PART: no test ran"
        fi
        failed=1
    elif [ "$failed" -eq 0 ] && [ "$2" -ne 0 ]; then
        echo "FAILED  $PART: the runner ended with status $2 after $passed passed tests"
        failed=1
    fi
    report "$passed" "$failed" "$skipped"
    [ "$failed" -eq 0 ]
}

# run_ctest PRESET NAME: the unit tests of a build. Counts cmocka's tests, not its programs; a
# program that died without counting is one failure.
run_ctest() {
    local preset=$1 name=$2 log=$OUT/ctest-$1.log status passed failed
    (cd "build/$preset" && ctest -j "$(nproc)" --no-tests=error --verbose ${name:+-R "$name"}) >"$log" 2>&1
    status=$?
    grep -E '^ *[0-9]+/[0-9]+ Test ' "$log" | sed -E 's/^ *[0-9]+\/[0-9]+ //'
    read -r passed failed < <(awk '
        /\[  PASSED  \] [0-9]+ test\(s\)/ { sub(/.*PASSED  \] /, ""); p += $1 }
        /^[0-9]+: \[  FAILED  \] [0-9]+ test\(s\)/ { sub(/.*FAILED  \] /, ""); f += $1; counted++ }
        /^ *[0-9]+\/[0-9]+ Test .*(\*\*\*|Not Run)/ { programs++ }
        END { if (programs > counted) f += programs - counted; print p + 0, f + 0 }' "$log")
    if [ $status -ne 0 ]; then
        grep -E '^[0-9]+: .*(ERROR|FAILED|error:|Sanitizer|\.c:[0-9]+)' "$log" | head -n 60
        ! grep -q '^No tests were found' "$log" || echo "FAILED  $PART: no program has \"$name\" in its name"
        [ "$failed" -gt 0 ] || failed=1
    elif [ "$passed" -eq 0 ]; then
        echo "FAILED  no unit test ran"
        failed=1
    fi
    report "$passed" "$failed" 0
    [ "$failed" -eq 0 ]
}
