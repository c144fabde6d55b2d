"""Art. 33 and 34 GDPR: the clock, the assessment, the notification, the letters and the register of a breach."""
