//! The class of an error, for those who match.

use crate::client::codes;
use crate::client::error::Error;

pub use super::generated::classes::ErrorClass;

impl Error {
    /// Its class: by its code where that has one, else by its status.
    ///
    /// ```
    /// use daytona::{Error, ErrorClass};
    ///
    /// let error = Error::new(404, "there is no such file");
    /// assert_eq!(error.class(), ErrorClass::NotFound);
    /// ```
    pub fn class(&self) -> ErrorClass {
        let detail = self.detail();
        let by_code = detail.code.as_deref().and_then(|code| codes::ALL.iter().find(|it| it.name == code));
        let by_status = || codes::CLASSES.iter().find(|class| class.statuses.contains(&detail.status));
        match by_code {
            Some(code) => ErrorClass::named(code.class),
            None => by_status().map_or(ErrorClass::Other, |class| ErrorClass::named(class.name)),
        }
    }

    /// Whether it is of this class or of one below it.
    ///
    /// ```
    /// use daytona::{Error, ErrorClass};
    ///
    /// let error = Error::new(1, "`path` has to be a text");
    /// assert!(error.is(ErrorClass::BadRequest) && error.is(ErrorClass::InvalidArgument));
    /// ```
    pub fn is(&self, class: ErrorClass) -> bool {
        let mut of = Some(self.class());
        while let Some(it) = of {
            if it == class {
                return true;
            }
            of = it.parent();
        }
        false
    }
}
