//! The contract that every store keeps, as tests (feature `contract`).
//!
//! A store's crate runs all of them by one line; each becomes a test of its own, on a fresh store:
//!
//! ```text
//! bailiwick_store::contract_suite!(async || {
//!     let folder = tempfile::tempdir().unwrap();
//!     let store: Arc<dyn Store> = Arc::new(MyStore::open(folder.path()).unwrap());
//!     (store, folder) // the second part is dropped after the test
//! });
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    missing_docs,
    reason = "these are tests, and their names say what they prove"
)]

pub mod changes;
pub mod races;
pub mod reading;
pub mod samples;
pub mod sweeping;

/// Makes a test of each part of the contract.
///
/// Takes an async closure that makes a fresh store as `(Arc<dyn Store>, guard)`. The calling crate
/// needs tokio with `macros` and `rt-multi-thread`.
#[macro_export]
macro_rules! contract_suite {
    ($make:expr) => {
        $crate::contract_suite! { @tests $make;
            changes::a_committed_record_is_seen_by_the_next_read,
            changes::a_record_that_is_there_is_not_inserted_again,
            changes::an_update_of_a_stale_version_conflicts,
            changes::an_update_of_what_is_not_there_conflicts,
            changes::an_update_after_a_removal_conflicts,
            changes::versions_count_the_writes,
            changes::a_put_writes_whether_it_is_there_or_not,
            changes::a_delete_removes_and_may_find_nothing,
            changes::a_commit_whose_last_change_conflicts_leaves_nothing,
            changes::a_conflict_restores_what_was_overwritten_and_removed,
            changes::changes_of_a_commit_see_those_before_them,
            changes::a_commit_of_nothing_succeeds,
            changes::a_conflict_does_not_fail_the_commits_beside_it,
            reading::what_is_not_there_is_none,
            reading::kinds_do_not_share_their_keys,
            reading::several_records_are_loaded_in_the_order_asked,
            reading::a_list_goes_in_the_order_of_the_keys_bytes,
            reading::a_list_is_read_page_by_page,
            reading::all_reads_past_the_first_page,
            reading::odd_keys_are_kept_apart,
            reading::a_large_body_comes_back_whole,
            reading::records_come_back_as_they_were_written,
            reading::a_ready_store_says_so,
            races::one_of_many_redemptions_wins,
            races::one_of_two_refreshes_wins,
            races::one_of_many_inserts_wins,
            races::no_update_is_lost,
            races::readers_see_all_of_a_commit_or_nothing,
            sweeping::only_what_expired_is_swept,
            sweeping::a_sweep_is_bounded,
            sweeping::a_new_expiry_counts,
        }
    };
    (@tests $make:expr; $($part:ident :: $test:ident,)*) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
        async fn $test() {
            let (store, _guard) = ($make)().await;
            $crate::contract::$part::$test(store).await;
        }
    )*};
}
