//! Tests of whole processes; the program under test is `src/bin/subject.rs`.
