"""Rows that are written by SQL, past all actions, are made whole by the database itself.

An INSERT or UPDATE may name the columns alone that an ordering platform knows, and NULL where it knows nothing. What
follows from the status is written with the row. What is stored elsewhere, the timeline and the stops, is written when
the transaction ends: an action has written its own line by then, and a status without one was set by somebody else.
"""

import django.db.models.deletion
from django.db import migrations, models

# Named so that they come before orders_keep_promise and orders_next_version: what they change is seen there.
ROWS = """
CREATE FUNCTION is_before_pickup(status text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN status IN ('assigned', 'to_restaurant', 'driver_at_restaurant');
CREATE FUNCTION is_active(status text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN status IN ('assigned', 'to_restaurant', 'driver_at_restaurant', 'picked_up', 'driver_nearby');
CREATE FUNCTION is_over(status text) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN status IN ('delivered', 'cancelled', 'failed');

CREATE FUNCTION fill_in_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.customer_name := coalesce(NEW.customer_name, '');
    NEW.customer_phone := coalesce(NEW.customer_phone, '');
    NEW.customer_address := coalesce(NEW.customer_address, '');
    NEW.problem := coalesce(NEW.problem, '');
    NEW.bags := coalesce(NEW.bags, 1);
    NEW.status := coalesce(NEW.status, 'pending');
    NEW.tracking_token := coalesce(NEW.tracking_token, encode(
        substr(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 1, 16), 'hex'
    ));
    NEW.created_at := coalesce(NEW.created_at, now());

    IF TG_OP = 'INSERT' THEN
        IF NEW.driver_id IS NOT NULL AND NEW.status = 'pending' THEN
            NEW.status := 'assigned';
        END IF;
    ELSIF NEW.status = OLD.status AND NEW.driver_id IS DISTINCT FROM OLD.driver_id THEN
        IF NEW.driver_id IS NULL AND is_before_pickup(NEW.status) THEN
            NEW.status := 'pending';
        ELSIF NEW.driver_id IS NOT NULL AND (NEW.status = 'pending' OR is_before_pickup(NEW.status)) THEN
            NEW.status := 'assigned';
        END IF;
    ELSIF NEW.status = 'pending' AND NEW.driver_id = OLD.driver_id THEN
        NEW.driver_id := NULL;
    END IF;
    IF NEW.status = 'pending' AND NEW.driver_id IS NOT NULL THEN
        RAISE check_violation USING
            MESSAGE = 'an order that has a driver is not pending',
            HINT = 'Set status to assigned, or driver_id to NULL.',
            TABLE = 'orders', CONSTRAINT = 'orders_active_has_driver';
    ELSIF is_active(NEW.status) AND NEW.driver_id IS NULL THEN
        RAISE check_violation USING
            MESSAGE = format('an order that is %s has a driver (orders_active_has_driver)', NEW.status),
            HINT = 'Set driver_id as well; an order without a driver is pending.',
            TABLE = 'orders', CONSTRAINT = 'orders_active_has_driver';
    END IF;

    -- Where its stops are, or were, has to stay known.
    IF NEW.restaurant_id IS NULL AND (is_active(NEW.status) OR TG_OP = 'UPDATE' AND OLD.restaurant_id IS NOT NULL) THEN
        RAISE check_violation USING
            MESSAGE = 'an order without a restaurant can''t be picked up (orders_active_has_restaurant)',
            HINT = 'Set restaurant_id; a restaurant needs no more than name, lat and lng.',
            TABLE = 'orders', CONSTRAINT = 'orders_active_has_restaurant';
    END IF;

    IF TG_OP = 'UPDATE' AND NEW.status <> OLD.status THEN
        -- What was so because of the status before, unless the UPDATE says otherwise.
        IF NEW.delivered_at = OLD.delivered_at AND NEW.status <> 'delivered' THEN
            NEW.delivered_at := NULL;
        END IF;
        IF NEW.ended_at = OLD.ended_at AND NOT is_over(NEW.status) THEN
            NEW.ended_at := NULL;
        END IF;
        IF is_over(NEW.status) OR (
            NEW.status IN ('pending', 'assigned') AND NEW.eta_minutes IS NOT DISTINCT FROM OLD.eta_minutes
        ) THEN
            NEW.eta_minutes := NULL;
            NEW.problem := '';
        END IF;
    END IF;
    IF NEW.status = 'delivered' THEN
        NEW.delivered_at := coalesce(NEW.delivered_at, now());
    END IF;
    IF is_over(NEW.status) THEN
        NEW.ended_at := coalesce(NEW.ended_at, NEW.delivered_at, now());
    END IF;
    IF NEW.eta_minutes IS NULL OR NEW.eta_minutes NOT BETWEEN NEW.eta_low AND NEW.eta_high THEN
        NEW.eta_low := NULL;
        NEW.eta_high := NULL;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER orders_fill_in BEFORE INSERT OR UPDATE OF
    customer_name, customer_phone, customer_address, problem, bags, status, tracking_token, created_at, restaurant_id,
    driver_id, eta_minutes, delivered_at, ended_at
    ON orders FOR EACH ROW EXECUTE FUNCTION fill_in_order();

CREATE FUNCTION fill_in_restaurant() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.address := coalesce(NEW.address, '');
    NEW.geofence_radius := coalesce(NEW.geofence_radius, 200);
    RETURN NEW;
END $$;
CREATE TRIGGER restaurants_fill_in BEFORE INSERT OR UPDATE OF address, geofence_radius ON restaurants
    FOR EACH ROW EXECUTE FUNCTION fill_in_restaurant();

-- Who is at work by their status is on shift, and was heard of just now.
CREATE FUNCTION fill_in_driver() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.phone := coalesce(NEW.phone, '');
    NEW.status := coalesce(NEW.status, 'offline');
    NEW.updated_at := coalesce(NEW.updated_at, now());
    IF TG_OP = 'INSERT' THEN
        IF NEW.status <> 'offline' AND NOT NEW.on_shift THEN
            NEW.on_shift := true;
            NEW.last_seen_at := coalesce(NEW.last_seen_at, now());
        END IF;
    ELSIF NEW.status <> 'offline' AND OLD.status = 'offline' THEN
        NEW.on_shift := true;
        NEW.last_seen_at := greatest(NEW.last_seen_at, now());
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER drivers_fill_in BEFORE INSERT OR UPDATE OF phone, status, updated_at ON drivers
    FOR EACH ROW EXECUTE FUNCTION fill_in_driver();

-- Doorstep's own fixes say when the driver was heard of, and never come here.
CREATE FUNCTION see_driver() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    NEW.fix_at := now();
    NEW.last_seen_at := now();
    IF NEW.on_shift AND NEW.status = 'offline' AND OLD.status = 'offline' THEN
        NEW.status := status_by_stops(NEW.id);
        NEW.version := OLD.version + 1;
        NEW.updated_at := clock_timestamp();
    END IF;
    RETURN NEW;
END $$;
CREATE FUNCTION status_by_stops(of_driver uuid) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT coalesce((
        SELECT CASE kind WHEN 'pickup' THEN 'to_restaurant' ELSE 'delivering' END FROM stops
        WHERE driver_id = of_driver AND done_at IS NULL ORDER BY position, id LIMIT 1
    ), 'idle')
$$;
CREATE TRIGGER drivers_see BEFORE UPDATE OF current_lat, current_lng ON drivers FOR EACH ROW WHEN (
    (OLD.current_lat, OLD.current_lng) IS DISTINCT FROM (NEW.current_lat, NEW.current_lng)
    AND NEW.current_lat IS NOT NULL
    AND (OLD.fix_at, OLD.last_seen_at) IS NOT DISTINCT FROM (NEW.fix_at, NEW.last_seen_at)
) EXECUTE FUNCTION see_driver();
"""

ORDERS = """
-- With its owner's rights: who may write orders need not be let to the timeline and the stops.
CREATE FUNCTION tell_order() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    now_is orders;
    told record;
    concerned uuid[];
    new_stops int := 0;
BEGIN
    SELECT * INTO now_is FROM orders WHERE id = NEW.id;
    SELECT to_status, driver_id INTO told FROM order_events WHERE order_id = NEW.id ORDER BY id DESC LIMIT 1;
    IF now_is.id IS NULL OR told.to_status = now_is.status
        AND (told.driver_id = now_is.driver_id OR NOT is_active(now_is.status)) THEN
        RETURN NULL;
    END IF;

    -- In id order, as every action does.
    concerned := array(SELECT driver_id FROM stops WHERE order_id = NEW.id) || now_is.driver_id;
    PERFORM FROM drivers WHERE id = ANY (concerned) ORDER BY id FOR UPDATE;
    INSERT INTO order_events (order_id, driver_id, from_status, to_status, actor, actor_name, reason, happened_at)
        VALUES (NEW.id, coalesce(now_is.driver_id, told.driver_id), told.to_status, now_is.status, 'platform',
            session_user, 'Written into the database.', coalesce(now_is.delivered_at, now()));

    -- Where the food is decides which stops there are; old ones would bring the geofences' memory of an old visit.
    IF now_is.status IN ('scheduled', 'pending') THEN
        DELETE FROM stops WHERE order_id = NEW.id;
    ELSIF now_is.status = 'cancelled' THEN
        DELETE FROM stops WHERE order_id = NEW.id AND done_at IS NULL;
        IF told.to_status IN ('picked_up', 'driver_nearby') THEN
            INSERT INTO stops (driver_id, order_id, kind, position)
                SELECT now_is.driver_id, NEW.id, 'return', 1 + coalesce(max(position), 0)
                FROM stops WHERE driver_id = now_is.driver_id AND done_at IS NULL;
        END IF;
    ELSIF is_over(now_is.status) THEN
        -- How long the driver was at the restaurant nobody knows.
        UPDATE stops SET done_at = now_is.ended_at, arrived_at = NULL, left_at = NULL
            WHERE order_id = NEW.id AND done_at IS NULL AND kind = 'pickup';
        UPDATE stops SET done_at = now_is.ended_at WHERE order_id = NEW.id AND done_at IS NULL;
    ELSE
        DELETE FROM stops WHERE order_id = NEW.id AND (
            driver_id <> now_is.driver_id
            OR done_at IS NOT NULL AND (kind = 'dropoff' OR is_before_pickup(now_is.status))
        );
        INSERT INTO stops (driver_id, order_id, kind, position)
            SELECT now_is.driver_id, NEW.id, kind, rank + coalesce((
                SELECT max(position) FROM stops WHERE driver_id = now_is.driver_id AND done_at IS NULL
            ), 0)
            FROM (VALUES ('pickup', 1), ('dropoff', 2)) AS missing (kind, rank)
            WHERE NOT EXISTS (SELECT FROM stops WHERE order_id = NEW.id AND stops.kind = missing.kind);
        GET DIAGNOSTICS new_stops = ROW_COUNT;
        IF NOT is_before_pickup(now_is.status) THEN
            UPDATE stops SET done_at = now() WHERE order_id = NEW.id AND kind = 'pickup' AND done_at IS NULL;
        END IF;
        -- Where the driver is comes first.
        UPDATE stops SET arrived_at = coalesce(arrived_at, now()), left_at = NULL, position = least(position, (
                SELECT min(others.position) - 1 FROM stops AS others
                WHERE others.driver_id = now_is.driver_id AND others.done_at IS NULL AND others.id <> stops.id
            ))
            WHERE order_id = NEW.id AND done_at IS NULL AND kind = CASE now_is.status
                WHEN 'driver_at_restaurant' THEN 'pickup' WHEN 'driver_nearby' THEN 'dropoff'
            END;
    END IF;
    IF now_is.status = 'delivered' THEN
        UPDATE eta_predictions SET error_s = extract(epoch FROM stops.arrived_at - arrives_at) FROM stops
            WHERE stops.order_id = NEW.id AND kind = 'dropoff' AND stops.arrived_at IS NOT NULL
            AND eta_predictions.order_id = NEW.id;
    END IF;

    -- Thousands that are over, or bring their stops with them, change nothing for anybody else.
    IF told.to_status IS NULL AND new_stops = 0 THEN
        RETURN NULL;
    END IF;
    -- Without their ETAs they are planned anew (dispatch/planning/replanning.py).
    UPDATE stops SET eta = NULL
        WHERE driver_id = ANY (concerned) AND done_at IS NULL AND left_at IS NULL AND eta IS NOT NULL;
    UPDATE drivers SET
        version = version + 1, status = CASE status WHEN 'offline' THEN status ELSE status_by_stops(id) END
        WHERE id = ANY (concerned);
    -- What this transaction has changed is of a new version already.
    UPDATE orders SET version = version + 1
        WHERE driver_id = ANY (concerned) AND id <> NEW.id AND is_active(status) AND updated_at < now();
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER orders_tell_insert AFTER INSERT ON orders DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION tell_order();
CREATE CONSTRAINT TRIGGER orders_tell AFTER UPDATE OF status, driver_id ON orders DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN ((OLD.status, OLD.driver_id) IS DISTINCT FROM (NEW.status, NEW.driver_id))
    EXECUTE FUNCTION tell_order();
"""
NO_ORDERS = """
DROP TRIGGER orders_tell ON orders;
DROP TRIGGER orders_tell_insert ON orders;
DROP FUNCTION tell_order();
"""
NO_ROWS = """
DROP TRIGGER drivers_see ON drivers;
DROP TRIGGER drivers_fill_in ON drivers;
DROP TRIGGER restaurants_fill_in ON restaurants;
DROP TRIGGER orders_fill_in ON orders;
DROP FUNCTION see_driver();
DROP FUNCTION status_by_stops(uuid);
DROP FUNCTION fill_in_driver();
DROP FUNCTION fill_in_restaurant();
DROP FUNCTION fill_in_order();
DROP FUNCTION is_over(text);
DROP FUNCTION is_active(text);
DROP FUNCTION is_before_pickup(text);
"""


class Migration(migrations.Migration):
    dependencies = [("dispatch", "0002_promise_at_placement")]
    operations = [
        migrations.AlterField(
            model_name="order",
            name="restaurant",
            field=models.ForeignKey(
                help_text="Only an order that came by SQL may have none yet; no driver gets it.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="orders",
                to="dispatch.restaurant",
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        (
                            "status__in",
                            [
                                "assigned",
                                "driver_at_restaurant",
                                "driver_nearby",
                                "picked_up",
                                "to_restaurant",
                            ],
                        ),
                        _negated=True,
                    ),
                    ("restaurant__isnull", False),
                    _connector="OR",
                ),
                name="orders_active_has_restaurant",
            ),
        ),
        migrations.RunSQL(ROWS, NO_ROWS),
        migrations.RunSQL(ORDERS, NO_ORDERS),
    ]
