-- A subscription, the next offset that its consumer gets, and when it was made or last polled, in
-- milliseconds since 1970, to a second.
CREATE TABLE subscriptions (
    consumer   BIGINT UNSIGNED NOT NULL,
    topic      INT UNSIGNED NOT NULL,
    `position` BIGINT UNSIGNED NOT NULL,
    polled     BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (consumer),
    -- The least position of a topic, for what may be deleted.
    KEY topic (topic, `position`)
) ENGINE = InnoDB;
