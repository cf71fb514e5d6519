//! Every target on its seeds and for a bounded time on mutations of them.
#![allow(clippy::print_stdout, reason = "what a run came to is worth reading")]

use bailiwick_fuzz::{Target, run};

macro_rules! no_input_breaks {
    ($($name:ident)*) => {
        mod no_input_breaks {
            $(#[test] fn $name() { super::holds(stringify!($name)); })*
        }

        #[test]
        fn every_target_is_run() {
            let run: Vec<_> = [$(stringify!($name)),*].into();
            let all: Vec<_> = Target::ALL.iter().map(|target| target.name).collect();
            assert_eq!(run, all);
        }
    };
}

no_input_breaks! {
    access_token authorization claims event introspection json jwe jwks metadata proof status token
    word
}

fn holds(name: &str) {
    let report = run(Target::named(name));
    println!("{name}: {report:?}");
    assert!(report.inputs > 0, "no time for a single input");
}
