//! Image objects: their Dockerfiles in each style, the files that they take, and the way of those into an object store.

mod built;
mod collecting;
mod real;
mod rendering;
mod storing;
