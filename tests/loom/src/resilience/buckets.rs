//! Models of the window that policies count in.

use std::sync::Arc;

use loom::thread;

use super::window::Window;

/// Two threads of one stripe count into a bucket whose cell still holds what was sixteen ticks ago.
pub fn who_begins_a_bucket_anew_forgets_nobody() {
    let window = Arc::new(Window::<1>::default());
    window.add(3, 0);
    let other = {
        let window = Arc::clone(&window);
        thread::spawn(move || window.add(19, 0))
    };
    window.add(19, 0);
    other.join().expect("no panic");
    assert_eq!(window.sums(19), [2]);
}

/// Three of them, of which one is a round ahead of the others: he counts, and they count with him.
pub fn who_is_late_counts_into_what_took_his_place() {
    let window = Arc::new(Window::<1>::default());
    window.add(3, 0);
    let others = [19, 35].map(|tick| {
        let window = Arc::clone(&window);
        thread::spawn(move || window.add(tick, 0))
    });
    others.into_iter().for_each(|other| other.join().expect("no panic"));
    window.add(35, 0);
    let [counted] = window.sums(35);
    // The one of tick 19 counts with them only if he came when his bucket was gone.
    assert!((2..=3).contains(&counted), "{counted}");
}
