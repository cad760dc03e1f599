-- When the lease was last taken or renewed: in the future where the clock was set back since.
ALTER TABLE chassis_job_lease ADD COLUMN renewed_at INTEGER;
